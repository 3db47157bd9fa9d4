/** Wakes the readers of conversations with new events once the files are not in use, each once. */
import type { Wakers } from "../Wakers.ts"

export const wakeLater = (wakers: Wakers) => {
  /** Conversations with new events. */
  const changed = new Set<string>()
  return (id: string) => {
    if (changed.size === 0) {
      queueMicrotask(() => {
        const ids = [...changed]
        changed.clear()
        for (const each of ids) wakers.wake(each)
      })
    }
    changed.add(id)
  }
}
