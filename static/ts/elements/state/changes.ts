// How a state says that it is different now.

/** Calls who listens; what changed they read from the state itself. */
export class Changes {
  readonly #hearers = new Set<() => void>();

  on(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  emit(): void {
    for (const hear of [...this.#hearers]) hear();
  }
}
