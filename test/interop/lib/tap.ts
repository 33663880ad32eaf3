import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A wire between sidecar and app with an ear on it. Every answer of an app is an answer to a request that it saw, malformed ones too. */
export interface Tap {
  readonly port: number
  /** Final answers that have passed so far. */
  answers(): number
  close(): void
}

export async function startTap(appPort: number): Promise<Tap> {
  let answers = 0
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: appPort, noDelay: true })
    let tail = ''
    far.on('data', (chunk: Buffer) => {
      // A status line may come in two pieces; bodies of these apps contain none.
      const text = tail + chunk.toString('latin1')
      answers += [...text.matchAll(/HTTP\/1\.[01] [2-5]\d\d/g)].length
      tail = text.slice(-11)
    })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    answers: () => answers,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
