/** Name, version and instructions under which a server presents itself to its clients. */
import { Context } from "effect"
import type { Icon } from "./Content.ts"
import { program } from "./version.ts"

/** MCP 2025-11-25, `Implementation`, and the `instructions` of `InitializeResult`. */
export interface ServerIdentity {
  /** Short and stable, such as `greeter`: clients show it, and the state folder is named after it. */
  readonly name: string
  readonly version: string
  /** For people; absent: the name. */
  readonly title?: string
  readonly description?: string
  readonly websiteUrl?: string
  readonly icons?: ReadonlyArray<Icon>
  /** For the client's model: how to use the server. */
  readonly instructions?: string
}

/** Read when layers are built. Default: manifold itself. */
export const Identity = Context.Reference<ServerIdentity>("manifold/domain/Identity", {
  defaultValue: () => program
})
