import type { Peer } from './peer.ts'

/** No proxy at all: what the client and the upstream cost by themselves. Steered apart, since nothing is started. */
export const direct: Peer = {
  name: 'direct',
  missing: () => undefined,
  prepare: () => {
    throw new Error('nothing is started for the direct way')
  },
}
