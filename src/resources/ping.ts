/** Resource `health://ping`: the health report as JSON. */
import { Effect } from "effect"
import { Health } from "../../layers/health/Health.ts"
import type { ResourceEntry } from "../catalog/Entry.ts"

const uri = "health://ping"
const mimeType = "application/json"

export const entry = Effect.map(Health, (health): ResourceEntry => ({
  uri,
  name: "ping",
  title: "Health",
  description: "Health, version and uptime of this server.",
  mimeType,
  scopes: ["read"],
  read: Effect.map(health.check, (report) => ({
    contents: [{ uri, mimeType, text: JSON.stringify(report) }]
  }))
}))
