import type { Peer } from '../../testing/peer.ts'
import { openClient } from '../../testing/raw-client.ts'
import { startRig, type Rig } from '../../testing/rig.ts'
import type { ProxyLimits } from '../../settings.ts'
import { startHttp2App, type Handler, type Http2App } from './http2-app.ts'

/** A client that says exactly the frames that it is told, to a sidecar beside an app of HTTP/2. */
export interface FrameClient {
  readonly app: Http2App
  readonly rig: Rig
  readonly client: Peer
  stop(): Promise<void>
}

export async function startFrameClient(answer: Handler, limits: Partial<ProxyLimits> = {}): Promise<FrameClient> {
  const app = await startHttp2App(answer)
  const rig = await startRig(app.port, { limits })
  const client = await openClient(rig.route)
  return {
    app,
    rig,
    client,
    stop: async () => {
      client.socket.destroy()
      await rig.close()
      app.close()
    },
  }
}
