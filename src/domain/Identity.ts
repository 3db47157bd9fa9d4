/** Server identity: name, version and instructions for clients. */
import { Context } from "effect"
import type { Icon } from "./Content.ts"
import { program } from "./version.ts"

/** MCP 2025-11-25, `Implementation`, and the `instructions` of `InitializeResult`. */
export interface ServerIdentity {
  /** Short and stable, such as `greeter`; also the name of the state folder. */
  readonly name: string
  readonly version: string
  /** Display name; default: the name. */
  readonly title?: string
  readonly description?: string
  readonly websiteUrl?: string
  readonly icons?: ReadonlyArray<Icon>
  /** For the client's model: how to use the server. */
  readonly instructions?: string
}

/** Read when layers are built. Default: manifold. */
export const Identity = Context.Reference<ServerIdentity>("manifold/domain/Identity", {
  defaultValue: () => program
})
