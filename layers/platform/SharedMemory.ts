/** Memory that the workers of one service share: a file that each of them maps. */

/** Attempts before the process sleeps, so that one that has the lock can run, and how often it sleeps for a millisecond. */
const mostSpins = 2000
const mostSleeps = 100

/** Index of the lock. */
const lock = 0

export class SharedMemory {
  readonly integers: Int32Array<ArrayBuffer>
  readonly floats: Float64Array<ArrayBuffer>

  constructor(file: string) {
    const { buffer, byteLength, byteOffset } = Bun.mmap(file)
    this.integers = new Int32Array(buffer, byteOffset, byteLength / 4)
    this.floats = new Float64Array(buffer, byteOffset, byteLength / 8)
  }

  #take(): boolean {
    for (let sleep = 0; sleep < mostSleeps; sleep++) {
      for (let spin = 0; spin < mostSpins; spin++) {
        if (Atomics.compareExchange(this.integers, lock, 0, 1) === 0) return true
      }
      Bun.sleepSync(1)
    }
    return false
  }

  /**
   * Runs the function, for microseconds, while no other process does. The lock of a process that was killed is taken over
   * after 0.1 s. One that was only suspended may then run its function at the same time: what is kept here must bear that.
   */
  exclusive<A>(run: () => A): A {
    if (!this.#take()) Atomics.store(this.integers, lock, 1)
    try {
      return run()
    } finally {
      Atomics.store(this.integers, lock, 0)
    }
  }
}

/** Two hashes of a text, of 32 bits each, which no client can predict who does not know the seed. */
export const hashOf = (text: string, seed: number): readonly [number, number] => [
  Bun.hash.xxHash32(text, seed) | 0,
  Bun.hash.murmur32v3(text, seed) | 0
]
