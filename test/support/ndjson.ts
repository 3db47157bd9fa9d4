/** Reads the lines of an NDJSON response, one at a time. */
import { Effect } from "effect"

/** The next line, parsed; `undefined` at the end of the response. */
export const linesOf = (response: Response) => {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ""
  return Effect.promise(async () => {
    for (;;) {
      const end = text.indexOf("\n")
      if (end >= 0) {
        const line: unknown = JSON.parse(text.slice(0, end))
        text = text.slice(end + 1)
        return line
      }
      const { done, value } = await reader.read()
      if (done) return undefined
      text += decoder.decode(value, { stream: true })
    }
  })
}
