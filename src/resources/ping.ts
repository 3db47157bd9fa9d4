/** `health://ping`: how the program is, as JSON. */
import { Effect } from "effect"
import { Health } from "../../layers/health/Health.ts"
import type { ResourceEntry } from "../catalog/Entry.ts"

const uri = "health://ping"
const mimeType = "application/json"

export const entry = Effect.map(Health, (health): ResourceEntry => ({
  uri,
  name: "ping",
  title: "Health",
  description: "Whether this server is healthy, which version it is, and for how long it has run.",
  mimeType,
  scopes: ["read"],
  read: Effect.map(health.check, (report) => ({
    contents: [{ uri, mimeType, text: JSON.stringify(report) }]
  }))
}))
