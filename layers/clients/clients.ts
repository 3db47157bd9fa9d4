/** Supported MCP clients: location and format of their server configuration. */
import type { Launch } from "../platform/Machine.ts"

export type Entry = Readonly<Record<string, unknown>>

/** Absolute folders of a user. */
export interface Folders {
  readonly home: string
  /** `~/.config` or `XDG_CONFIG_HOME`; `~/Library/Application Support`; `%APPDATA%`. */
  readonly applications: string
  /** `CLAUDE_CONFIG_DIR`, which moves the files of Claude Code. */
  readonly claude?: string | undefined
}

export interface Client {
  readonly id: string
  readonly title: string
  /** The key of the map of servers by name. */
  readonly key: string
  /** Whether the client accepts comments and trailing commas. */
  readonly comments: boolean
  /** Path segments of the user's file. */
  readonly file: (folders: Folders) => readonly [string, ...ReadonlyArray<string>]
  /** Files and folders that exist once the client has been used. */
  readonly traces: (folders: Folders) => ReadonlyArray<readonly [string, ...ReadonlyArray<string>]>
  /** Path segments of the project file, if the client supports one. */
  readonly project?: readonly [string, ...ReadonlyArray<string>]
  readonly stdio: (launch: Launch, env: Readonly<Record<string, string>>) => Entry
  /** Absent if the client's file does not support remote servers. */
  readonly http?: (url: string) => Entry
  /** How to make the client reload its file, after writing and after removing an entry. */
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
      written: "Quit and restart Claude Desktop.",
      removed: "Quit and restart Claude Desktop."
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
      written: "Start a new Claude Code session; /mcp lists its servers.",
      removed: "Open Claude Code sessions keep the server until they end."
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
      written: "Restart Cursor, and enable the server under Customize, MCPs.",
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
      removed: 'Check with "MCP: List Servers" in VS Code that it was removed.'
    }
  }
] as const satisfies ReadonlyArray<Client>

export type ClientId = (typeof clients)[number]["id"]
