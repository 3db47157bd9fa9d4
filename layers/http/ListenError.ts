/** Error of a listener that cannot be opened: the reason, and what to do. */
import { Schema } from "effect"

const Reason = Schema.Literals(["InUse", "Forbidden", "BadAddress", "BadTls", "BadOption", "Unknown"])

export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  reason: Reason,
  hostname: Schema.String,
  port: Schema.Int,
  detail: Schema.String
}) {
  override get message() {
    const { detail, hostname, port } = this
    switch (this.reason) {
      case "InUse":
        return `Port ${port} is in use. Stop the other program, or choose another port with --port or server.port.`
      case "Forbidden":
        return `No permission to listen on port ${port}. Choose a port above 1023 with --port or server.port.`
      case "BadAddress":
        return `"${hostname}" is not an address of this machine. Set --host or server.host to 127.0.0.1 or to an address of this machine.`
      case "BadTls":
        return `Invalid certificate or key (${detail}). Check that both are PEM and match.`
      case "BadOption":
        return detail
      case "Unknown":
        return `Cannot listen on ${hostname} port ${port}: ${detail}`
    }
  }

  /** From what `Bun.serve` throws. */
  static from(cause: unknown, { hostname, port }: { readonly hostname: string; readonly port: number }) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    const detail = cause instanceof Error ? cause.message : String(cause)
    return new ListenError({ reason: toReason(code, detail), hostname, port, detail })
  }
}

const toReason = (code: string, detail: string): typeof Reason.Type => {
  switch (code) {
    case "EADDRINUSE":
      return "InUse"
    case "EACCES":
    case "EPERM":
      return "Forbidden"
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "BadAddress"
    default:
      return /\b(?:ssl|tls|pem|boringssl|certificate|key)\b/i.test(`${code} ${detail}`) ? "BadTls" : "Unknown"
  }
}
