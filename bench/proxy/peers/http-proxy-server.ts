/** `http-proxy` as an application would use it: node http-proxy-server.ts PORT PRIMARY CANARY. With an agent that keeps connections alive. */
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

const [port = 0, primary = 0, canary = 0] = process.argv.slice(2).map(Number)
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: Infinity }), xfwd: true })
proxy.on('error', (_error, _request, response) => void response.destroy())
createServer({ noDelay: true }, (request, response) => {
  const isCanary = request.headers['x-canary'] === 'always' || Math.random() < 0.1
  proxy.web(request, response, { target: `http://127.0.0.1:${isCanary ? canary : primary}` })
}).listen({ host: '127.0.0.1', port, backlog: 1024 })
