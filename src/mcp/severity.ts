/** Order of log levels (RFC 5424, section 6.2.1). */
import { Level } from "../catalog/Client.ts"

const order = new Map<string, number>(Level.literals.map((level, index) => [level, index]))

/** Higher is more severe. */
export const severity = (level: Level): number => order.get(level) ?? 0
