/** Preloaded by a service under test: answers each message of its parent with what is on its heap after a collection. */
import { fullGC, heapStats } from "bun:jsc"

export interface HeapReport {
  /** Objects, without those that the engine makes of code, which it drops and makes again. */
  readonly objects: number
  /** Resident set size in bytes. */
  readonly resident: number
}

const code =
  /CodeBlock$|Executable$|^Structure|^SymbolTable$|^PropertyTable$|^FunctionRareData$|^Cell Butterfly$/

const report = (): HeapReport => {
  fullGC()
  const objects = Object.entries(heapStats().objectTypeCounts)
    .filter(([type]) => !code.test(type))
    .reduce((sum, [, count]) => sum + count, 0)
  return { objects, resident: process.memoryUsage.rss() }
}

process.on("message", () => {
  fullGC()
  // Finalizers run in a task after it, and free more.
  setImmediate(() => process.send?.(report()))
})
