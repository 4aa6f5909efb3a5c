// Sentences for the person that belong to no single conversation, until they are dismissed.

import { Changes } from "./changes";

export interface Notice {
  readonly id: number;
  readonly text: string;
}

export class Notices {
  readonly changed = new Changes();
  all: readonly Notice[] = [];
  #count = 0;

  add(text: string): void {
    if (!text || this.all.some((notice) => notice.text === text)) return;
    this.#count += 1;
    this.all = [...this.all, { id: this.#count, text }];
    this.changed.emit();
  }

  dismiss(id: number): void {
    this.all = this.all.filter((notice) => notice.id !== id);
    this.changed.emit();
  }

  complain(error: unknown): void {
    this.add(reasonOf(error));
  }
}

/** The sentence that an error is for the person. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
