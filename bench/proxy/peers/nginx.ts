import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, installHint, type Peer } from './peer.ts'

export const nginx: Peer = {
  name: 'nginx',
  missing: () => (findProgram('nginx') === undefined ? `no program nginx: ${installHint}` : undefined),
  prepare: ({ primary, canary, port, folder }) => {
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, config(primary, canary, port, folder))
    return { command: findProgram('nginx') ?? 'nginx', args: ['-p', folder, '-c', file, '-e', join(folder, 'error.log')] }
  },
}

const config = (primary: number, canary: number, port: number, folder: string): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 20000; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  split_clients $request_id $share { 10% canary; * primary; }
  map $http_x_canary $track { always canary; default $share; }
  upstream primary { server 127.0.0.1:${primary}; keepalive 128; keepalive_requests 100000000; }
  upstream canary { server 127.0.0.1:${canary}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    client_max_body_size 0;
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_buffering on;
      proxy_max_temp_file_size 0;
      proxy_pass http://$track;
    }
  }
}
`
