/** Recognizes stateless requests (2026-07-28) in their usual form, whose envelope and headers are valid. */
import { classifyInboundRequest, type JSONRPCRequest } from "@modelcontextprotocol/server"
import { Level } from "../catalog/Client.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

const revision = "2026-07-28"
const prefix = "io.modelcontextprotocol/"
const versionKey = `${prefix}protocolVersion`
const clientKey = `${prefix}clientInfo`
const capabilitiesKey = `${prefix}clientCapabilities`
const levelKey = `${prefix}logLevel`

/** What the client says of itself in `params._meta`. */
export interface Envelope {
  readonly meta: JsonObject
  readonly program: { readonly name: string; readonly version: string } | undefined
  readonly capabilities: JsonObject
  /** Absent: the client wants no log messages. */
  readonly logLevel: Level | undefined
}

/** Checked envelopes that are remembered, and the longest of them in characters. */
const maxKnown = 1000
const longest = 4096

/** The SDK's check takes longer than a short call, and clients repeat their envelope. */
const known = new Set<string>()

const isValid = (meta: JsonObject): boolean => {
  const envelope = {
    [versionKey]: revision,
    [clientKey]: meta[clientKey],
    [capabilitiesKey]: meta[capabilitiesKey],
    [levelKey]: meta[levelKey]
  }
  const text = JSON.stringify(envelope)
  if (known.has(text)) return true
  const body = { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: JSON.parse(text) } }
  const { kind } = classifyInboundRequest({ httpMethod: "POST", protocolVersionHeader: revision, body })
  if (kind !== "modern") return false
  if (text.length > longest) return true
  if (known.size >= maxKnown) known.clear()
  known.add(text)
  return true
}

/** Whether the SDK reads no other reserved member. */
const hasKnownKeys = (meta: JsonObject): boolean => {
  for (const key in meta) {
    if (!key.startsWith(prefix)) continue
    if (key !== versionKey && key !== clientKey && key !== capabilitiesKey && key !== levelKey) return false
  }
  return true
}

/** The parameter that `Mcp-Name` repeats; absent: the method has none. */
const named: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri"
}

const hasUsualHeaders = (headers: Headers, method: string, params: JsonObject): boolean => {
  if (headers.get("mcp-protocol-version") !== revision || headers.get("mcp-method") !== method) return false
  const parameter = named[method]
  if (parameter === undefined) return true
  const name = headers.get("mcp-name")
  // A name in this form is decoded before it is compared.
  return name !== null && name === params[parameter] && !name.startsWith("=?")
}

const isProgram = (info: unknown): info is NonNullable<Envelope["program"]> & JsonObject =>
  isObject(info) && typeof info.name === "string" && typeof info.version === "string"

/** `undefined` for requests in another form, also invalid ones, and for further rounds of a request. */
export const usualEnvelope = ({ method, params }: JSONRPCRequest, headers: Headers): Envelope | undefined => {
  if (!isObject(params) || "requestState" in params || "inputResponses" in params) return undefined
  const { _meta: meta } = params
  if (!isObject(meta) || meta[versionKey] !== revision) return undefined
  const capabilities = meta[capabilitiesKey]
  if (!isObject(capabilities) || !hasUsualHeaders(headers, method, params)) return undefined
  if (!hasKnownKeys(meta) || !isValid(meta)) return undefined
  const info = meta[clientKey]
  const level = Level.literals.find((each) => each === meta[levelKey])
  return { meta, program: isProgram(info) ? info : undefined, capabilities, logLevel: level }
}
