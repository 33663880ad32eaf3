// many-connections.mjs PORT COUNT: opens COUNT connections, asks once on each, holds them all, asks on each again; prints how often it got 200.
import { connect } from 'node:net'

const [port, count] = process.argv.slice(2).map(Number)
const request = 'GET /bytes/10 HTTP/1.1\r\nHost: app\r\n\r\n'
const sockets = []
let answers = 0

/** One answer on a connection; false if it fails. */
const ask = (socket) =>
  new Promise((resolve) => {
    const done = (isFine) => {
      socket.removeAllListeners('data').removeAllListeners('close')
      if (isFine) answers += 1
      resolve()
    }
    socket.on('data', (chunk) => done(chunk.toString('latin1').startsWith('HTTP/1.1 200 ')))
    socket.on('close', () => done(false))
    socket.write(request)
  })

for (let from = 0; from < count; from += 100) {
  const some = Array.from({ length: Math.min(100, count - from) }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  sockets.push(...some)
  await Promise.all(some.map(ask))
}
for (let from = 0; from < count; from += 100) await Promise.all(sockets.slice(from, from + 100).map(ask))
console.log(answers)
process.exit(0)
