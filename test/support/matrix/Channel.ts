/** Values in the order of their arrival, read by one reader that waits for a certain one. */
export class Channel<A> {
  readonly #values: Array<A> = []
  #wake = Promise.withResolvers<void>()

  put(value: A): void {
    this.#values.push(value)
    this.#wake.resolve()
  }

  /** Drops values until the wanted one arrives. */
  async until(wanted: (value: A) => boolean): Promise<void> {
    for (;;) {
      while (this.#values.length > 0) if (wanted(this.#values.shift() as A)) return
      this.#wake = Promise.withResolvers()
      await this.#wake.promise
    }
  }
}
