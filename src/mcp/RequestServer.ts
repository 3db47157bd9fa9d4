/** SDK server for one stateless request. Responds with an error if the result cannot be written as JSON. */
import type { Transport } from "@modelcontextprotocol/server"
import { toErrorMessage } from "../../layers/transports/jsonRpc.ts"
import { CatalogServer } from "./CatalogServer.ts"

export class RequestServer extends CatalogServer {
  override async connect(transport: Transport) {
    const send = transport.send.bind(transport)
    // The SDK's transport marks a request as done before it writes the response, and hangs if writing fails.
    transport.send = (message, options) => {
      if (!("result" in message)) return send(message, options)
      try {
        JSON.stringify(message.result)
      } catch (cause) {
        this.onerror?.(new Error("could not write a result as JSON", { cause }))
        return send(toErrorMessage(message.id), options)
      }
      return send(message, options)
    }
    await super.connect(transport)
  }
}
