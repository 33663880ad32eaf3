import type { ClientHttp2Session } from 'node:http2'
import type { RouteTable } from '../../../api/protocol.ts'
import { startRig, type Rig } from '../../testing/rig.ts'
import { say, startHttp2App, type Handler, type Http2App } from './http2-app.ts'
import { openHttp2 } from './http2-client.ts'

/** Two sidecars, each beside its app, as in a cluster; all that the client asks the primary's goes to the canary's until the table says otherwise. */
export interface TwoSidecars {
  v1Answer: Handler
  v2Answer: Handler
  readonly v1: Http2App
  readonly v2: Http2App
  readonly primary: Rig
  readonly canary: Rig
  readonly client: ClientHttp2Session
  close(): Promise<void>
}

/** A table by which these canaries get everything. */
export const toCanary = (ports: readonly number[], change: Partial<RouteTable> = {}): Partial<RouteTable> => ({
  canaryWeightPercent: 100,
  endpoints: { primary: [], canary: ports.map((port) => ({ address: '127.0.0.1', port })) },
  ...change,
})

export async function startTwoSidecars(): Promise<TwoSidecars> {
  const answers = { v1Answer: say('v1') as Handler, v2Answer: say('v2') as Handler }
  const v1 = await startHttp2App((stream, head) => pair.v1Answer(stream, head))
  const v2 = await startHttp2App((stream, head) => pair.v2Answer(stream, head))
  const canary = await startRig(v2.port, { table: { self: 'canary' } })
  const primary = await startRig(v1.port, { table: toCanary([canary.direct]) })
  const client = await openHttp2(primary.route)
  const pair: TwoSidecars = {
    ...answers,
    v1,
    v2,
    primary,
    canary,
    client,
    close: async () => {
      client.destroy()
      await primary.close()
      await canary.close()
      v1.close()
      v2.close()
    },
  }
  return pair
}
