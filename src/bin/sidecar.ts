import { buildProgram, runProgram } from '../cli/program.ts'
import { buildProxyCommand } from '../cli/proxy.ts'
import { runProxy } from './proxy.ts'
import { version } from './version.ts'

const program = buildProgram(version, [buildProxyCommand((options) => runProxy(options, version))])
await runProgram(program, process.argv, process.versions.node)
