/** The AI clients that can be told of this program: where each keeps its MCP servers, and how it writes one down. */
import type { Launch } from "../platform/Machine.ts"

export type Entry = Readonly<Record<string, unknown>>

/** Folders of a user, absolute. */
export interface Folders {
  readonly home: string
  /** `~/.config` or `XDG_CONFIG_HOME`; `~/Library/Application Support`; `%APPDATA%`. */
  readonly applications: string
  /** `CLAUDE_CONFIG_DIR`, which moves what Claude Code keeps. */
  readonly claude?: string | undefined
}

export interface Client {
  readonly id: string
  readonly title: string
  /** The key under which servers stand, by name. */
  readonly key: string
  /** Whether the client reads comments and trailing commas in its file. */
  readonly comments: boolean
  /** The user's file, as a path of parts. */
  readonly file: (folders: Folders) => readonly [string, ...ReadonlyArray<string>]
  /** What is there, file or folder, once the client has been used. */
  readonly traces: (folders: Folders) => ReadonlyArray<readonly [string, ...ReadonlyArray<string>]>
  /** The file of a project, inside its folder, where the client reads one. */
  readonly project?: readonly [string, ...ReadonlyArray<string>]
  readonly stdio: (launch: Launch, env: Readonly<Record<string, string>>) => Entry
  /** Absent where the file can name no remote server. */
  readonly http?: (url: string) => Entry
  /** What makes the client read its file again, after an entry was written and after one was removed. */
  readonly afterwards: { readonly written: string; readonly removed: string }
}

const plain: Client["stdio"] = ({ args, command }, env) => ({
  command,
  args,
  ...(Object.keys(env).length > 0 && { env })
})

const typed: Client["stdio"] = (launch, env) => ({ type: "stdio", ...plain(launch, env) })

export const clients = [
  {
    id: "claude-desktop",
    title: "Claude Desktop",
    key: "mcpServers",
    comments: false,
    file: ({ applications }) => [applications, "Claude", "claude_desktop_config.json"],
    traces: ({ applications }) => [[applications, "Claude"]],
    stdio: plain,
    afterwards: {
      written: "Quit Claude Desktop and start it again.",
      removed: "Quit Claude Desktop and start it again."
    }
  },
  {
    id: "claude-code",
    title: "Claude Code",
    key: "mcpServers",
    comments: false,
    file: ({ claude, home }) => [claude ?? home, ".claude.json"],
    traces: ({ claude, home }) => [
      [claude ?? home, ".claude.json"],
      claude === undefined ? [home, ".claude"] : [claude]
    ],
    project: [".mcp.json"],
    stdio: typed,
    http: (url) => ({ type: "http", url }),
    afterwards: {
      written: "Start a new session of Claude Code; /mcp shows its servers.",
      removed: "Sessions of Claude Code that are open keep the server until they end."
    }
  },
  {
    id: "cursor",
    title: "Cursor",
    key: "mcpServers",
    comments: true,
    file: ({ home }) => [home, ".cursor", "mcp.json"],
    traces: ({ home }) => [[home, ".cursor"]],
    project: [".cursor", "mcp.json"],
    stdio: plain,
    http: (url) => ({ url }),
    afterwards: {
      written: "Restart Cursor, and switch the server on under Customize, MCPs.",
      removed: "Restart Cursor."
    }
  },
  {
    id: "vscode",
    title: "VS Code",
    key: "servers",
    comments: true,
    file: ({ applications }) => [applications, "Code", "User", "mcp.json"],
    traces: ({ applications }) => [[applications, "Code"]],
    project: [".vscode", "mcp.json"],
    stdio: typed,
    http: (url) => ({ type: "http", url }),
    afterwards: {
      written: 'Run "MCP: List Servers" in VS Code to start it.',
      removed: '"MCP: List Servers" in VS Code shows that it is gone.'
    }
  }
] as const satisfies ReadonlyArray<Client>

export type ClientId = (typeof clients)[number]["id"]
