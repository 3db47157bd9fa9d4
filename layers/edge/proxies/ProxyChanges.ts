/** Changes of the table of published applications, as instances follow them. */
import type { ProxyRow } from "./proxyRows.ts"

/** What has changed since a revision. */
export interface ProxyChanges {
  readonly revision: number
  /** Whether `rows` are all entries, because the changes since then are not known any more. */
  readonly all: boolean
  readonly rows: ReadonlyArray<ProxyRow>
  /** Host names without an entry now. */
  readonly removed: ReadonlyArray<string>
}
