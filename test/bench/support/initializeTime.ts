/** A stdio server as one side of a comparison: time from spawning it to its response to `initialize`. */
import type { Side } from "./Row.ts"
import { own, surroundings, type Subject } from "./process.ts"
import { initialize } from "./protocol.ts"

const timeout = 20_000

const firstLine = async (output: ReadableStream<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true })
    const end = text.indexOf("\n")
    if (end >= 0) return text.slice(0, end)
  }
  return text
}

const once = async (subject: Subject): Promise<number> => {
  const begin = performance.now()
  const child = own(
    Bun.spawn([...subject.command], {
      ...surroundings(subject),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
      timeout,
      killSignal: "SIGKILL"
    })
  )
  child.stdin.write(`${initialize.body}\n`)
  await child.stdin.flush()
  const answer = await firstLine(child.stdout)
  const elapsed = performance.now() - begin
  child.kill("SIGKILL")
  await child.exited
  if (!answer.includes('"serverInfo"')) {
    throw new Error(`initialize was answered with ${answer === "" ? "nothing" : answer.slice(0, 100)}`)
  }
  return elapsed
}

/** Milliseconds, one number per round. */
export const side = (subject: Subject): Side => ({
  name: subject.name,
  open: async () => {
    await once(subject) // from the disk, once
    return async () => [await once(subject)]
  }
})
