import * as net from 'node:net'

/** `podcli check http|tcp`, which podinfo's own manifests use as probes. The result is the exit code. */
export async function runPodcli(args: readonly string[]): Promise<number> {
  const [check, kind, address] = args.filter((word) => !word.startsWith('-'))
  if (check !== 'check' || address === undefined) {
    process.stderr.write('usage: podcli check http|tcp ADDRESS\n')
    return 1
  }
  try {
    await (kind === 'tcp' ? dial(address) : get(address))
    process.stdout.write(`INFO\tcheck succeed\t{"address": "${address}"}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`INFO\tcheck failed\t{"address": "${address}", "error": "${String(error)}"}\n`)
    return 1
  }
}

async function get(address: string): Promise<void> {
  const response = await fetch(/^https?:/.test(address) ? address : `http://${address}`, { signal: AbortSignal.timeout(1000) })
  if (response.status < 200 || response.status >= 400) throw new Error(`status code ${response.status}`)
}

function dial(address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port: Number(port), timeout: 1000 }, () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
    socket.on('timeout', () => socket.destroy(new Error('timeout')))
  })
}
