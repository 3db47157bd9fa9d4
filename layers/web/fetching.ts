/** Fetches a web address and makes of the answer what a reader can use. */
import { Clock, Effect } from "effect"
import type { Outbound } from "../outbound/Outbound.ts"
import type { OutboundResponse } from "../outbound/request.ts"
import * as headers from "./headers.ts"
import { charset, decode, essence, kindOf, presentable } from "./media.ts"
import type { Page, PageRequest } from "./Page.ts"
import * as Readable from "./Readable.ts"
import * as robots from "./robots.ts"
import type { Settings } from "./section.ts"

const longestTitle = 300
/** No encoding needs more bytes for a UTF-16 unit. */
const bytesPerCharacter = 4

type Answered = Pick<Page, "final_url" | "status_code" | "content_type" | "headers_json">
type Content = Pick<Page, "title" | "content_preview" | "truncated" | "error">

const unanswered: Answered = { final_url: null, status_code: null, content_type: null, headers_json: "{}" }
const nothing: Content = { title: null, content_preview: "", truncated: false, error: null }

/** Of what cannot be shown. */
const described = (type: string | null, size: string | number | null): Content => ({
  ...nothing,
  content_preview: `[${essence(type) || "binary"}, ${size ?? "unknown number of"} bytes]`,
  truncated: true
})

export const make = Effect.fnUntraced(function* (outbound: Outbound["Service"], settings: Settings) {
  const { admit } = yield* robots.make(outbound, settings.extract_timeout)

  const contentOf = Effect.fnUntraced(function* (response: OutboundResponse, request: PageRequest) {
    const maxChars = request.maxChars ?? settings.max_chars
    const type = response.headers.get("content-type")
    if (kindOf(type, new Uint8Array()) === "binary") {
      return described(type, response.headers.get("content-length"))
    }
    yield* request.onStep("download")
    const body = yield* response.prefix
    const { bytes } = body
    const size = bytes.length
    const kind = kindOf(type, bytes)
    if (kind === "binary") return described(type, body.truncated ? `more than ${size}` : size)
    yield* request.onStep("extract")
    if (kind === "text") {
      const most = maxChars * bytesPerCharacter
      const cut = body.truncated || size > most
      const shown = presentable(decode(bytes.subarray(0, most), charset(type), cut), maxChars)
      return { ...nothing, content_preview: shown.text, truncated: cut || shown.truncated }
    }
    const { text, title } = yield* Readable.page(
      { bytes, url: response.url, charset: charset(type) },
      settings.extract_timeout
    )
    const shown = presentable(text, maxChars)
    return {
      ...nothing,
      title: presentable(title, longestTitle).text.trim() || null,
      content_preview: shown.text,
      truncated: body.truncated || shown.truncated
    }
  })

  return Effect.fnUntraced(function* (request: PageRequest): Effect.fn.Return<Page> {
    const started = yield* Clock.currentTimeMillis
    let answered = unanswered
    const content: Content = yield* Effect.gen(function* () {
      const response = yield* outbound.request({
        url: request.url,
        headers: {
          accept: "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.5"
        },
        onStep: request.onStep,
        ...(settings.robots && { admit })
      })
      answered = {
        final_url: response.url,
        status_code: response.status,
        content_type: response.headers.get("content-type"),
        headers_json: headers.toJson(response.headers)
      }
      return yield* contentOf(response, request)
    }).pipe(
      Effect.scoped,
      Effect.catch((error) => Effect.succeed({ ...nothing, error: error.message }))
    )
    const elapsed_ms = (yield* Clock.currentTimeMillis) - started
    return { url: request.url, ...answered, elapsed_ms, ...content }
  })
})
