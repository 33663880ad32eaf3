import { canonicalJson } from '../base/json.ts'
import type { RouteTable } from '../api/protocol.ts'
import type { Logger } from '../runtime/log.ts'
import { compileRoutes } from '../routing/routes.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { Reporter } from './reporter.ts'

/** The one way by which a table comes into force, from a file or from the controller. */
export class TableSource {
  /** A table was received, whatever became of it. */
  hasReceived = false
  refusedTables = 0
  /** Called after a new table has come into force. */
  onChange: () => void = () => undefined
  private readonly live: LiveRoutes
  private readonly reporter: Reporter
  private readonly log: Logger
  private lastText = ''

  constructor(live: LiveRoutes, reporter: Reporter, log: Logger) {
    this.live = live
    this.reporter = reporter
    this.log = log
  }

  get generation(): number {
    return this.live.active.routes.table.generation
  }

  /**
   * Puts the table in force, unless it already is. The lines of the reports that close the old table's interval, to be sent before anything
   * else is; undefined where the table cannot be used: then the one before stays.
   */
  accept(table: RouteTable, origin: string): readonly string[] | undefined {
    this.hasReceived = true
    const text = canonicalJson(table)
    if (text === this.lastText) {
      this.live.heard()
      return []
    }
    const routes = compileRoutes(table)
    if (!routes.ok) {
      this.refuse(routes.error, origin)
      return undefined
    }
    const reports = this.reporter.endInterval(performance.now())
    this.live.publish(routes.value)
    this.lastText = text
    this.onChange()
    this.log.info('route table in force', { origin, generation: table.generation, canary: table.canary, weightPercent: table.canaryWeightPercent })
    return reports
  }

  /** Counts and says that a table could not be used. */
  refuse(error: string, origin: string): void {
    this.refusedTables += 1
    const message = this.generation === 0 ? 'route table refused, everything goes to the app next door until there is one' : 'route table refused, the one before stays in force'
    this.log.error(message, { origin, error, generation: this.generation })
  }
}
