/** `manifold serve --http` as a separate process, for tests of several instances on one database. */
import { Effect } from "effect"
import { main, program } from "./program.ts"

export interface ServingOptions {
  /** `storage.dir` is also the home folder, so that processes with one folder have the same keys. */
  readonly config: Readonly<Record<string, unknown>> & { readonly storage: { readonly dir: string } }
  /** Default: any free port. */
  readonly port?: number
  /** Further flags of the command line. */
  readonly flags?: ReadonlyArray<string>
  /** A command that runs the program as its last arguments. */
  readonly within?: ReadonlyArray<string>
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Runs the source with this module, which is loaded first and sends messages. */
  readonly preload?: { readonly path: string; readonly onMessage: (message: unknown) => void }
}

/** Starts the process, and waits until it listens on a free port of this machine. It is killed with the scope. */
export const servingProcess = ({
  config,
  env,
  flags = [],
  port: wanted = 0,
  preload,
  within = []
}: ServingOptions) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const command =
        preload === undefined ? [...within, ...program] : [process.execPath, "--preload", preload.path, main]
      const child = Bun.spawn([...command, "serve", "--http", "--port", String(wanted), ...flags], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        env: { ...process.env, HOME: config.storage.dir, MCP_CONFIG_JSON: JSON.stringify(config), ...env },
        ...(preload !== undefined && { ipc: preload.onMessage })
      })
      const decoder = new TextDecoder()
      let text = ""
      const reader = child.stdout.getReader()
      while (!/"message":"listening".*\n/.test(text)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`the service did not start: ${text}`)
        text += decoder.decode(value, { stream: true })
      }
      // Otherwise the service would wait for a reader of its log.
      void (async () => {
        while (!(await reader.read()).done);
      })()
      const [, port] = /"url":"https?:\/\/[^"]*:(\d+)/.exec(text) ?? []
      const [, https, http] = /"https_port":(\d+)(?:,"http_port":(\d+))?/.exec(text) ?? []
      return {
        child,
        url: new URL(`http://127.0.0.1:${port}/mcp`),
        /** Ports of the edge; 0 without it. */
        edge: { https: Number(https ?? 0), http: Number(http ?? 0) }
      }
    }),
    ({ child }) =>
      Effect.promise(() => {
        child.kill()
        return child.exited
      })
  )
