/** Fetches a web page: request, refreshes, and conversion by media type. */
import { Effect } from "effect"
import type { Outbound } from "../outbound/Outbound.ts"
import type { OutboundResponse } from "../outbound/OutboundRequest.ts"
import { parseRefresh, type Refresh } from "./HtmlDocument.ts"
import { charsetOf, decode } from "./charset.ts"
import { headersToJson } from "./headersToJson.ts"
import { essence, isBinaryType, kindOf, presentable } from "./mediaTypes.ts"
import type { WebPage, WebPageRequest } from "./WebPage.ts"
import * as Readable from "./DocumentReader.ts"
import * as robots from "./robotsTxt.ts"
import type { Settings } from "./section.ts"
import { monotonicNow } from "../platform/monotonic.ts"

/** Maximum bytes per UTF-16 unit in any encoding. */
const bytesPerCharacter = 4
/** Longest delay of a refresh that is followed; pages with a longer one are shown, with a note. */
const maxRefreshSeconds = 10
/** No refresh is followed after this time, in milliseconds, to stay within the time limit of the call. */
const refreshWithin = 20_000
const maxNotes = 20

type Received = Pick<WebPage, "final_url" | "status_code" | "content_type" | "headers_json">

interface Content extends Pick<WebPage, "title" | "content_preview" | "truncated" | "error"> {
  readonly notes: ReadonlyArray<string>
  readonly refresh?: Refresh
}

const notReceived: Received = { final_url: null, status_code: null, content_type: null, headers_json: "{}" }
const nothing: Content = { title: null, content_preview: "", truncated: false, error: null, notes: [] }

/** Type and size of binary content. */
const described = (type: string | null, size: string | number | null): Content => ({
  ...nothing,
  content_preview: `[${essence(type) || "binary"}, ${size ?? "unknown number of"} bytes]`,
  truncated: true
})

const hostOf = (url: string) => URL.parse(url)?.host ?? "the server"

const messageOf = (step: "resolve" | "connect", { host, hostname }: URL) =>
  step === "resolve" ? `Resolving ${hostname}` : `Waiting for ${host}`

/** Target of a refresh; `undefined` if the page reloads itself. */
const targetOf = ({ url }: Refresh, page: string): string | undefined => {
  const target = URL.parse(url, page)
  if (target === null || !/^https?:$/.test(target.protocol)) return undefined
  target.hash = ""
  return target.href === page ? undefined : target.href
}

export const make = Effect.fnUntraced(function* (outbound: Outbound["Service"], settings: Settings) {
  const readable = Readable.make({ concurrency: settings.concurrency, timeout: settings.extract_timeout })
  const { admit } = yield* robots.make(outbound, readable)

  const contentOf = Effect.fnUntraced(function* (response: OutboundResponse, request: WebPageRequest) {
    const maxChars = request.maxChars ?? settings.max_chars
    const type = response.headers.get("content-type")
    if (isBinaryType(type)) return described(type, response.headers.get("content-length"))
    yield* request.onStep("download", `Downloading from ${hostOf(response.url)}`)
    const body = yield* response.prefix
    const { bytes } = body
    const notes: Array<string> = []
    if (body.damage !== undefined) {
      notes.push(`The content is incomplete: ${body.damage.message} after ${bytes.length} bytes.`)
    } else if (body.truncated) {
      notes.push(`Only the first ${bytes.length} bytes were read (outbound.max_bytes).`)
    }
    const size = bytes.length
    const kind = kindOf(type, bytes)
    if (kind.kind === "binary")
      return { ...described(type, body.truncated ? `more than ${size}` : size), notes }
    yield* request.onStep("extract", "Extracting text")
    const charset = charsetOf(type ?? "")
    if (kind.kind === "text") {
      const most = maxChars * bytesPerCharacter
      const cut = body.truncated || size > most
      const decoded = decode(bytes.subarray(0, most), charset, kind.syntax, cut)
      const shown = presentable(decoded.text, maxChars)
      return {
        ...nothing,
        content_preview: shown.text,
        truncated: cut || shown.truncated,
        notes: [...notes, ...decoded.notes]
      }
    }
    const page = yield* readable.page({
      bytes,
      cut: body.truncated,
      url: response.url,
      charset,
      xml: kind.xml,
      wholePage: request.wholePage ?? false,
      maxChars,
      maxElements: settings.max_elements
    })
    return {
      ...nothing,
      title: page.title === "" ? null : page.title,
      content_preview: page.text,
      truncated: page.truncated,
      notes: [...notes, ...page.notes],
      ...(page.refresh !== undefined && { refresh: page.refresh })
    }
  })

  const visit = Effect.fnUntraced(function* (url: string, request: WebPageRequest) {
    let received = notReceived
    const content: Content = yield* Effect.gen(function* () {
      const response = yield* outbound.request({
        url,
        keepCookies: true,
        headers: {
          accept: "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.5"
        },
        onStep: (step, to) => request.onStep(step, messageOf(step, to)),
        ...(settings.robots && { admit })
      })
      received = {
        final_url: response.url,
        status_code: response.status,
        content_type: response.headers.get("content-type"),
        headers_json: headersToJson(response.headers)
      }
      const refresh = parseRefresh(response.headers.get("refresh") ?? "")
      const found: Content = yield* contentOf(response, request)
      return refresh === undefined ? found : { ...found, refresh }
    }).pipe(
      Effect.scoped,
      Effect.catch((error) => Effect.succeed({ ...nothing, error: error.message }))
    )
    return { received, content }
  })

  return Effect.fnUntraced(function* (request: WebPageRequest): Effect.fn.Return<WebPage> {
    const started = yield* monotonicNow
    const followed: Array<string> = []
    let url = request.url
    let visited = yield* visit(url, request)
    for (;;) {
      const { received, content } = visited
      const target = content.refresh && targetOf(content.refresh, received.final_url ?? url)
      if (content.refresh === undefined || target === undefined) break
      const { seconds } = content.refresh
      const late = (yield* monotonicNow) - started > refreshWithin
      if (late || seconds > maxRefreshSeconds || followed.length >= settings.max_refreshes) {
        const notes = [`The page has a refresh to ${target} after ${seconds} s; fetch that URL to follow it.`]
        visited = { received, content: { ...content, notes: [...notes, ...content.notes] } }
        break
      }
      followed.push(`Followed a refresh from ${received.final_url ?? url} to ${target}.`)
      visited = yield* visit((url = target), request)
    }
    const { received, content } = visited
    const { error, notes: found, refresh: _, ...shown } = content
    const notes = [...followed, ...found].slice(0, maxNotes).map((note) => presentable(note, 1000).text)
    const elapsed_ms = (yield* monotonicNow) - started
    return { url: request.url, ...received, elapsed_ms, ...shown, error, ...(notes.length > 0 && { notes }) }
  })
})
