/** The process at the other core: client and upstream in one event loop, so that the two do not wait for each other's time slice. */
import { runLoad } from './client.ts'
import type { Order, Ready } from './messages.ts'
import { startUpstream } from './upstream.ts'

const ready: Ready = { primary: await startUpstream(), canary: await startUpstream() }
process.on('message', (order: Order) => {
  void runLoad(order).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
process.send?.(ready)
