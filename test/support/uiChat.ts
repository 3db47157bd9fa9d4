/** The AI SDK's chat, as its front ends use it, without a front end. */
import {
  AbstractChat,
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type ChatState,
  type ChatStatus,
  type UIMessage
} from "ai"

class State implements ChatState<UIMessage> {
  status: ChatStatus = "ready"
  error: Error | undefined = undefined
  messages: Array<UIMessage>
  constructor(messages: Array<UIMessage>) {
    this.messages = messages
  }
  pushMessage = (message: UIMessage) => void this.messages.push(message)
  popMessage = () => void this.messages.pop()
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages[index] = structuredClone(message)
  }
  snapshot = <T>(value: T): T => structuredClone(value)
}

export class UiChat extends AbstractChat<UIMessage> {
  /** A chat at `<url>chat` with that id; `messages` are those that it shows already. */
  constructor(url: URL, id: string, messages: Array<UIMessage> = []) {
    super({
      id,
      state: new State(messages),
      transport: new DefaultChatTransport({ api: new URL("/chat", url).href }),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses
    })
  }

  /** Types of the parts of the last message, with their states. */
  get shown(): ReadonlyArray<string> {
    return (this.lastMessage?.parts ?? []).map((part) =>
      "state" in part ? `${part.type} ${part.state}` : part.type
    )
  }

  get text(): string {
    return (this.lastMessage?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("")
  }
}
