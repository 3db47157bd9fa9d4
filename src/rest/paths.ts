/** Paths of the REST service and their methods, known before its code is loaded. */

export type Method = "GET" | "POST" | "DELETE"

export const ticketPath = "/auth/ticket"

/** Methods of each path; a path that ends with `/` is a prefix. */
export const methods: Readonly<Record<string, ReadonlyArray<Method>>> = {
  "/mcp/connect": ["POST"],
  "/mcp/list_tools": ["GET"],
  "/mcp/call_tool": ["POST"],
  "/mcp/list_resources": ["GET"],
  "/mcp/read_resource": ["POST"],
  "/mcp/list_prompts": ["GET"],
  "/mcp/get_prompt": ["POST"],
  "/mcp/disconnect": ["POST"],
  "/mcp/clients": ["GET"],
  "/mcp/client/": ["GET"],
  "/auth/tokens": ["GET", "POST"],
  "/auth/tokens/": ["DELETE"],
  [ticketPath]: ["POST"],
  "/edge/proxies": ["GET", "POST"],
  "/edge/proxies/": ["POST", "DELETE"],
  "/edge/proxy_changes/undo": ["POST"],
  "/edge/certificates": ["GET", "POST"],
  "/edge/certificates/": ["DELETE"],
  "/edge/certificates/retry": ["POST"]
}

/** Whether the path belongs to the connections that clients make over REST, which one process has. */
export const isOfConnections = (path: string): boolean =>
  path.startsWith("/mcp/") && (Object.hasOwn(methods, path) || path.startsWith("/mcp/client/"))
