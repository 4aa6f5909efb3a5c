// The chat page.
export {};
