/** Preloaded into a server whose memory is measured: SIGUSR2 collects garbage and says how large the heap is. */
process.on("SIGUSR2", () => {
  if (typeof Bun === "undefined") globalThis.gc()
  else Bun.gc(true)
  process.stderr.write(`heap ${process.memoryUsage().heapUsed} bytes\n`)
})
