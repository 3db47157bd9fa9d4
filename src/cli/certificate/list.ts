/** `manifold certificate list`: certificates with their expiry, state and next action. */
import { Console, Effect } from "effect"
import * as Command from "effect/cli/Command"
import type { Certificate } from "../../../layers/edge/certificates/Certificate.ts"
import { Certificates } from "../../../layers/edge/certificates/Certificates.ts"
import { columns } from "../columns.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { asOperator } from "./asOperator.ts"

const pageSize = 1000
/** Names or hosts of one certificate that a line has. */
const mostNames = 3

const some = (names: ReadonlyArray<string>) =>
  names.slice(0, mostNames).join(",") + (names.length > mostNames ? `,… (${names.length})` : "")

const everyCertificate = Effect.gen(function* () {
  const certificates = yield* Certificates
  const found: Array<Certificate> = []
  let cursor: string | undefined
  do {
    const page = yield* certificates.list({ cursor, limit: pageSize })
    found.push(...page.certificates)
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
})

const day = (time: string | null) => time?.slice(0, 10) ?? ""
const minute = (time: string | null) => time?.slice(0, 16).replace("T", " ") ?? ""

const expiryOf = ({ days_left, expires_at }: Certificate) => {
  if (days_left === null) return ""
  return days_left < 0
    ? `expired ${day(expires_at)}`
    : `until ${day(expires_at)} (${Math.floor(days_left)} days)`
}

const actionOf = ({ next_action, next_action_at }: Certificate) =>
  next_action === "none" ? "" : `${next_action} ${minute(next_action_at)}`.trim()

/** Hosts that are served with it are its names, unless the line says otherwise. */
const useOf = ({ hosts, id, names }: Certificate) => {
  if (id === null) return ""
  if (hosts.length === 0) return "not in use"
  return hosts.every((host) => names.includes(host)) ? "" : `serves ${some(hosts)}`
}

const cellsOf = (certificate: Certificate) => {
  const { id, issuer, names, source, state } = certificate
  return [
    some(names),
    source,
    state,
    expiryOf(certificate),
    issuer ?? "",
    useOf(certificate),
    actionOf(certificate),
    source === "uploaded" ? (id ?? "") : ""
  ]
}

export const list = Command.make(
  "list",
  { json: jsonFlag },
  Effect.fnUntraced(function* ({ json }) {
    const certificates = yield* everyCertificate
    if (json) return yield* Console.log(JSON.stringify(certificates))
    if (certificates.length === 0)
      return yield* Console.log(
        "No certificates. The HTTPS service issues them (edge.https_port); to upload one: manifold certificate add"
      )
    for (const line of columns(certificates.map(cellsOf))) yield* Console.log(line)
    for (const { last_error, names } of certificates)
      if (last_error !== null) yield* Console.log(`${names[0]}: ${last_error}`)
  }, asOperator)
).pipe(Command.withDescription("List certificates with their issuer, expiry, state and next action"))
