/** An SDK server for one stateless request, which is answered also where its result cannot be written as JSON. */
import type { Transport } from "@modelcontextprotocol/server"
import { toErrorMessage } from "../../layers/transports/jsonRpc.ts"
import { CatalogServer } from "./CatalogServer.ts"

export class RequestServer extends CatalogServer {
  override async connect(transport: Transport) {
    const send = transport.send.bind(transport)
    // The SDK's transport marks a request as answered before it writes the response, and waits for ever if that fails.
    transport.send = (message, options) => {
      if (!("result" in message)) return send(message, options)
      try {
        JSON.stringify(message.result)
      } catch (cause) {
        this.onerror?.(new Error("a result cannot be written as JSON", { cause }))
        return send(toErrorMessage(message.id), options)
      }
      return send(message, options)
    }
    await super.connect(transport)
  }
}
