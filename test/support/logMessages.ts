/** Collects the log messages of an effect. */
import { Effect, Layer, Logger } from "effect"

/** Collects the first part of each line's message. */
export const logged = () => {
  const lines: Array<unknown> = []
  const logger = Logger.make(({ message }) => lines.push(Array.isArray(message) ? message[0] : message))
  return { lines, layer: Logger.layer([logger]) }
}

/** Runs the effect and returns its log messages. */
export const linesOf = <A, E, R>(self: Effect.Effect<A, E, R>) => {
  const { layer, lines } = logged()
  return Effect.as(Effect.provide(self, Layer.fresh(layer)), lines)
}
