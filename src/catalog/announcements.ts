/** Publishes changes of contents behind unchanged entries: of a kind, or of one resource. */
import { Effect } from "effect"
import type { Changes, ListKind } from "./Change.ts"
import type { Source } from "./EntryTable.ts"
import type { Locate } from "./locateResource.ts"
import type { Tables } from "./catalogTables.ts"

export const announcements = (changes: Changes, tables: Tables, locate: Locate) => ({
  /** Concerns all principals that can see an entry of the kind. */
  changed: (kind: ListKind) =>
    Effect.sync(() =>
      changes.publish(() => ({
        kind,
        concerns: (principal) =>
          tables[kind].hasVisible(principal) ||
          (kind === "resources" && tables.templates.hasVisible(principal))
      }))
    ),
  /** Concerns the principals that can see the resource; with a source, only those that read it from that source. */
  updated: (uri: string, source?: Source) =>
    Effect.sync(() =>
      changes.publish(() => ({
        kind: "resource",
        uri,
        concerns: (principal) => {
          const located = locate(principal, uri)
          if (located === undefined || (source !== undefined && located.source !== source)) return false
          return principal.mayReach(located.entry.scopes)
        }
      }))
    )
})
