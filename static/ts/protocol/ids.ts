// The ids of the protocol: 16 bytes each (a UUID's bytes), told apart by type only.

// The mark is optional and never set: any bytes may become an id, but no id another kind of id.
type Id<Kind extends string> = Uint8Array & { readonly idOf?: Kind };

export type AccountId = Id<"account">;
export type DeviceId = Id<"device">;
export type MessageId = Id<"message">;
export type ConversationId = Id<"conversation">;
export type SessionId = Id<"session">;
export type GroupId = ConversationId; // gid: a group chat's id is the conversation id of its contents
export type ChainId = Id<"chain">;

export const ID_SIZE = 16;
