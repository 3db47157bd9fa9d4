/** URIs of resources whose own URI belongs to another server: `ui://panel` of the server `work` is `ui://work.upstream///panel`. */
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

const schemeOf = (uri: string): string | undefined => /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(uri)?.[0]

/** Clients fetch them themselves, so that all servers mean the same resource. */
const isWeb = (scheme: string) => /^https?:$/i.test(scheme)

/** What the name of the server becomes, after the scheme. */
const authorityOf = (server: string) => `//${encodeURIComponent(server)}.upstream/`

/** Of a URI or URI template; `undefined` for one without a scheme, and for http and https. */
export const toMapped = (server: string, uri: string): string | undefined => {
  const scheme = schemeOf(uri)
  if (scheme === undefined || isWeb(scheme)) return undefined
  return `${scheme}${authorityOf(server)}${uri.slice(scheme.length)}`
}

/** The reverse; `undefined` for any other URI. */
export const fromMapped = (server: string, uri: string): string | undefined => {
  const scheme = schemeOf(uri)
  const start = `${scheme}${authorityOf(server)}`
  return scheme !== undefined && uri.startsWith(start) ? `${scheme}${uri.slice(start.length)}` : undefined
}

/** Maps the URIs of one server. */
export interface UriMapping {
  /** The served URI of one of the server's. */
  readonly toServed: (uri: string) => string
  /** The reverse. */
  readonly toServer: (uri: string) => string
  /** The served form of a URI template that the server lists. */
  readonly template: (uriTemplate: string) => string
}

/** Fields of `_meta` that name the user interface of a tool (MCP Apps, its older form, and the Apps SDK). */
const uiFields = ["ui/resourceUri", "openai/outputTemplate"]

/** `_meta` with the served URI of the user interface; the same object if there is none. */
export const mapMeta = (meta: JsonObject, { toServed }: UriMapping): JsonObject => {
  const mapped: Record<string, unknown> = {}
  for (const field of uiFields) {
    const uri = meta[field]
    if (typeof uri === "string") mapped[field] = toServed(uri)
  }
  const { ui } = meta
  if (isObject(ui) && typeof ui.resourceUri === "string") {
    mapped.ui = { ...ui, resourceUri: toServed(ui.resourceUri) }
  }
  return Object.keys(mapped).length === 0 ? meta : { ...meta, ...mapped }
}

const withMeta = (item: JsonObject, mapping: UriMapping): JsonObject =>
  isObject(item._meta) ? { ...item, _meta: mapMeta(item._meta, mapping) } : item

/** A tool definition with the served URI of its user interface. */
export const mapTool = withMeta

const withUri = (item: unknown, { toServed }: UriMapping): unknown =>
  isObject(item) && typeof item.uri === "string" ? { ...item, uri: toServed(item.uri) } : item

const mapBlock = (block: unknown, mapping: UriMapping): unknown => {
  if (!isObject(block)) return block
  if (block.type === "resource_link") return withUri(block, mapping)
  return block.type === "resource" ? { ...block, resource: withUri(block.resource, mapping) } : block
}

const mapEach = (items: unknown, map: (item: unknown) => unknown): unknown =>
  Array.isArray(items) ? items.map(map) : items

/** The result of `tools/call`, `prompts/get` or `resources/read` with served URIs. */
export const mapResult = (result: JsonObject, mapping: UriMapping): JsonObject => {
  const { content, contents, messages } = result
  return {
    ...withMeta(result, mapping),
    ...(content !== undefined && { content: mapEach(content, (block) => mapBlock(block, mapping)) }),
    ...(contents !== undefined && { contents: mapEach(contents, (each) => withUri(each, mapping)) }),
    ...(messages !== undefined && {
      messages: mapEach(messages, (each) =>
        isObject(each) ? { ...each, content: mapBlock(each.content, mapping) } : each
      )
    })
  }
}

/** Arguments in which each text that is a served URI, at any depth, is the server's own URI. */
export const mapArguments = (args: JsonObject, mapping: UriMapping): JsonObject =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key, mapArgument(value, mapping)]))

const mapArgument = (value: unknown, mapping: UriMapping): unknown => {
  if (typeof value === "string") return mapping.toServer(value)
  if (Array.isArray(value)) return value.map((item) => mapArgument(item, mapping))
  return isObject(value) ? mapArguments(value, mapping) : value
}
