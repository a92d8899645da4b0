/** Programs for `snippets-nginx.test.ts`: each with requests, as "METHOD TARGET" or "TARGET" and lines of fields. */

/** One program. */
export interface Program {
  readonly server?: string;
  readonly location?: string;
  /** Of the Ingress; "/" unless given. */
  readonly paths?: readonly string[];
  readonly requests: readonly string[];
}

export const PROGRAMS: readonly Program[] = [
  // set, variables, texts.
  { location: 'set $a 1; proxy_set_header X-A $a;', requests: ['/'] },
  { location: 'set $a "x"; set $a "${a}y$a"; proxy_set_header X-A "<$a>";', requests: ['/'] },
  { location: "set $a 'it''s'; proxy_set_header X-A $a;".replace("''", "\\'"), requests: ['/'] },
  { location: 'set $a "q\\"q\\\\b\\x"; proxy_set_header X-A $a;', requests: ['/'] },
  {
    location: 'set $a $arg_x$cookie_y$http_x_z; proxy_set_header X-A "[$a]";',
    requests: ['/?x=1&y=2', '/?X=3\nCookie: a=b; y=4\nX-Z: 5'],
  },
  { location: 'set $args "a=b"; proxy_set_header X-A $args;', requests: ['/p%20q?x=1', '/'] },
  { location: 'set $http_x_other mine; proxy_set_header X-A $http_x_other;', requests: ['/\nX-Other: yours'] },
  {
    location: 'proxy_set_header X-A "$uri|$request_uri|$args|$is_args|$request_method|$host|$scheme|$server_protocol";',
    requests: ['/a%2Fb//c?d=e%20f', 'POST /'],
  },
  // if.
  { location: 'if ($arg_a) { return 200 yes; } return 200 no;', requests: ['/?a=1', '/?a=0', '/?a=', '/', '/?a=00'] },
  {
    location: 'if ($arg_a = 1) { return 200 eq; } if ($arg_a != "2") { return 201 ne; } return 202;',
    requests: ['/?a=1', '/?a=2', '/?a=3'],
  },
  { location: "if ($request_method = 'POST' ) { return 405; }", requests: ['POST /', '/'] },
  {
    location: 'if ( $http_user_agent ~* "(Mobile)" ) { return 301 https://m.example.com; }',
    requests: ['/\nUser-Agent: x mobile y', '/\nUser-Agent: desk'],
  },
  { location: 'if ($http_user_agent !~ "^ok") { return 403; }', requests: ['/\nUser-Agent: ok', '/\nUser-Agent: OK'] },
  {
    location: 'if ($request_uri ~ "^/([^/?]+)/(.*)$") { set $a $1; set $b $2; } proxy_set_header X-A "$a-$b";',
    requests: ['/one/two%20x', '/'],
  },
  { location: 'if ($uri ~ ^/(?<first>\\w+)) { set $a $first; } proxy_set_header X-A "$a.";', requests: ['/abc/d', '/'] },
  {
    location:
      'set $f 0; if ($arg_a) { set $f "${f}a"; } if ($arg_b) { set $f "${f}b"; } if ($f = 0ab) { return 403; } proxy_set_header X-A $f;',
    requests: ['/?a=1&b=1', '/?a=1', '/?b=1', '/'],
  },
  { location: 'if ($uri ~ (a)(b)?(c)) { return 200 "[$1|$2|$3|$4]"; }', requests: ['/xac', '/abc', '/'] },
  {
    location: 'if ($uri ~ (a)) { set $x 1; } if ($uri ~ b) { set $y "($1)"; } return 200 "$1$y";',
    requests: ['/a', '/b', '/ab'],
  },
  { location: 'if ($arg_a != $arg_b) { return 403; }', requests: ['/?a=1&b=1', '/?a=1&b=2'] },
  { location: 'if ($uri = "") { return 403; } if ($arg_x = "") { return 404 none; }', requests: ['/', '/?x=1'] },
  // return.
  { location: 'return 403;', requests: ['/', 'HEAD /', 'POST /'] },
  { location: 'return 404 "not $uri here";', requests: ['/a%20b'] },
  { location: 'return 200 "{}"; default_type application/json;', requests: ['/', '/x.html', '/x.JS', '/x.d/y'] },
  { location: 'return 200;', requests: ['/'] },
  { location: 'return 204;', requests: ['/'] },
  { location: 'return 302 /;', requests: ['/'] },
  { location: 'return 301 https://$host$request_uri;', requests: ['/a%20b?c=d'] },
  { location: 'return https://$host/x;', requests: ['/'] },
  { location: 'return $scheme://$http_host/x;', requests: ['/'] },
  { location: 'return 307 http://other.example/$1?$args;', requests: ['/?a=1'] },
  { location: 'return 308 /x/;', requests: ['/?a=1'] },
  { location: 'return 303 https://a.example;', requests: ['/'] },
  { location: 'return 418 "a\\tb\\nc";', requests: ['/'] },
  { location: 'return 500;', requests: ['/'] },
  { location: 'return 503 "down";', requests: ['/'] },
  // rewrite.
  { location: 'rewrite ^/old/(.*)$ /new/$1 break;', requests: ['/old/a%20b?q=1', '/older', '/old/'] },
  { location: 'rewrite ^/old/(.*)$ /new/$1? break;', requests: ['/old/a?q=1'] },
  { location: 'rewrite ^/old/(.*)$ /new?path=$1 break;', requests: ['/old/a%20%26b?q=1', '/old/a', '/old/a+b%2B'] },
  { location: 'rewrite ^/old/(.*)$ /new?path=$1? break;', requests: ['/old/a?q=1'] },
  { location: 'rewrite ^/a$ /b; rewrite ^/b$ /c; proxy_set_header X-A $uri;', requests: ['/a', '/b', '/c'] },
  { location: 'rewrite ^/a$ /b last; rewrite ^/b$ /c last; proxy_set_header X-A $uri;', requests: ['/a', '/b'] },
  {
    location: 'rewrite ^/a$ /b break; rewrite ^/b$ /c break; set $x 1; proxy_set_header X-A "$uri$x";',
    requests: ['/a', '/b'],
  },
  { location: 'rewrite ^/$ /targets last;', requests: ['/', '/x'] },
  { location: 'rewrite (.*) /x$1 last;', requests: ['/'] },
  { location: 'rewrite ^(/app)$ $1/ permanent;', requests: ['/app', '/app?x=1', '/app/'] },
  { location: 'rewrite ^/r/(.*) /t/$1 redirect;', requests: ['/r/a%20b?c', '/r/%C3%A9', '/r/a%3Fb', '/r/a%2541', '/r/x'] },
  { location: 'rewrite ^ https://x.example$request_uri permanent;', requests: ['/a%20b?c=d'] },
  { location: 'rewrite ^ https://x.example$request_uri? permanent;', requests: ['/a%20b?c=d'] },
  { location: 'rewrite ^/v6/(.*)/q http://h.example/v7/#!/q?x=$1;', requests: ['/v6/a/q?z=1', '/v6/a%20b/q'] },
  { location: 'rewrite ^/(.*) $scheme://$host/n/$1;', requests: ['/a/b'] },
  { location: 'rewrite "(?i)/PaTh(/|$)(.*)" /$2 break;', requests: ['/path/x/y', '/a/PATH', '/b'] },
  { location: 'rewrite ^/x$ /y? last;', requests: ['/x?a=b'] },
  { location: 'rewrite (.*) $1?token=1 break;', requests: ['/a?b=c', '/a'] },
  { location: 'rewrite ^/e /q%20z break;', requests: ['/e'] },
  { location: 'rewrite ^/a/(.*) /b?x=$1; set $y "$1"; proxy_set_header X-A $y;', requests: ['/a/p%20q', '/b'] },
  {
    location: 'if ($uri ~ ^/a/(.*)) { set $y "$1"; rewrite ^/a/(.) /c/$1 break; set $z $1; } proxy_set_header X-A "$y|$z";',
    requests: ['/a/p%20q', '/a/+q', '/b'],
  },
  { location: 'set $u "/a b"; rewrite ^ $u break;', requests: ['/'] },
  { location: 'rewrite ^/a$ "/b c%#d?e=f" break;', requests: ['/a'] },
  { location: 'rewrite "^/(\\d+)/(\\w{2,3})$" /$2/$1 break;', requests: ['/12/ab', '/1/abcd'] },
  { location: 'break; return 403;', requests: ['/'] },
  { location: 'if ($arg_a) { break; } return 403;', requests: ['/?a=1', '/'] },
  { location: 'if ($arg_a) { rewrite ^ /in break; } proxy_set_header X-A $uri;', requests: ['/x?a=1', '/x'] },
  {
    location: 'if ($arg_a) { rewrite ^/s/(.*) /t/$1; } if ($uri ~ ^/t/(.*)) { set $c $1; } proxy_set_header X-A "$c";',
    requests: ['/s/1?a=1', '/t/2'],
  },
  { location: 'rewrite ^/a/(.*)$ /b/$1 last; add_header X-From a;', paths: ['/a/', '/b/'], requests: ['/a/1', '/b/1', '/c'] },
  {
    location: 'if ($uri ~ ^/a/(.*)) { set $x $1; } rewrite ^/a/(.*) /b/$1; set $y $1; return 200 "$x|$y";',
    requests: ['/a/p%20q+r', '/a/p+q', '/b'],
  },
  // add_header, expires.
  {
    location: 'add_header X-A 1; add_header X-B "$arg_b"; add_header X-C 3 always;',
    requests: ['/?b=2', '/', '/status/404', '/status/201', '/status/206', '/status/304', '/status/500'],
  },
  { location: 'add_header X-A 1; add_header X-A 2;', requests: ['/?fields=X-A:0'] },
  {
    location: 'add_header Cache-Control "public"; add_header ETag "abc"; add_header Last-Modified "x";',
    requests: ['/?fields=Cache-Control:a|ETag:b'],
  },
  {
    location: 'add_header X-A $upstream_http_x_b; add_header X-S $status$sent_http_x_b always;'.replace('$status', ''),
    requests: ['/?fields=X-B:back', '/'],
  },
  { location: 'add_header X-A 1 always; return 403;', requests: ['/'] },
  { location: 'add_header X-A 1; return 403;', requests: ['/'] },
  { location: 'add_header X-A 1; return 302 /x;', requests: ['/'] },
  { location: 'add_header X-A out; if ($arg_a) { add_header X-B in; }', requests: ['/?a=1', '/'] },
  { location: 'add_header X-A out; if ($arg_a) { set $x 1; }', requests: ['/?a=1', '/'] },
  {
    location: 'if ($arg_a) { add_header X-A a; } if ($arg_b) { add_header X-B b; }',
    requests: ['/?a=1&b=1', '/?a=1', '/?b=1', '/'],
  },
  { location: 'if ($arg_a) { add_header X-A a; } if ($arg_b) { set $c 1; }', requests: ['/?a=1&b=1'] },
  { location: 'if ($arg_a) { add_header X-A a always; return 405; }', requests: ['/?a=1', '/'] },
  { location: 'expires 1h;', requests: ['/', '/?fields=Cache-Control:private|Expires:0', '/status/404'] },
  { location: 'expires epoch;', requests: ['/'] },
  { location: 'expires max; add_header Cache-Control public;', requests: ['/'] },
  { location: 'expires -1;', requests: ['/'] },
  { location: 'expires 0;', requests: ['/'] },
  { location: 'expires off;', requests: ['/?fields=Expires:x'] },
  { location: 'if ($arg_a) { expires 7d; }', requests: ['/?a=1', '/'] },
  // proxy_….
  { location: 'proxy_set_header X-A 1; proxy_set_header X-A 2; proxy_set_header X-B "";', requests: ['/\nX-A: 0\nX-B: 1'] },
  {
    location: 'proxy_set_header X-Real-IP 1.2.3.4; proxy_set_header X-Forwarded-For "$proxy_add_x_forwarded_for";',
    requests: ['/\nX-Forwarded-For: 9.9.9.9\nX-Real-IP: 8.8.8.8'],
  },
  { location: 'proxy_hide_header X-A;', requests: ['/?fields=X-A:1|X-B:2'] },
  { location: 'proxy_method POST;', requests: ['/', 'PUT /'] },
  {
    location: 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'.replace(
      'Connection "upgrade"',
      'Connection ""',
    ),
    requests: ['/'],
  },
  // allow, deny.
  { location: 'deny 127.0.0.1;', requests: ['/'] },
  { location: 'allow 127.0.0.0/8; deny all;', requests: ['/'] },
  { location: 'allow 10.0.0.0/8; deny all;', requests: ['/'] },
  { location: 'deny ::1; deny ::/0;', requests: ['/'] },
  { location: 'deny all; return 200 first;', requests: ['/'] },
  { location: 'deny 10.0.0.0/8; allow 127.0.0.1; deny all;', requests: ['/'] },
  // server.
  { server: 'return 503;', requests: ['/'] },
  { server: 'if ($http_x_region = "eu") { return 503; }', requests: ['/\nX-Region: eu', '/'] },
  {
    server:
      'set $agentflag 0; if ($http_user_agent ~* "(Mobile)" ) { set $agentflag 1; } if ( $agentflag = 1 ) { return 301 https://m.example.com; }',
    requests: ['/\nUser-Agent: Mobile', '/'],
  },
  { server: 'set $v server;', location: 'proxy_set_header X-A $v;', requests: ['/'] },
  { server: 'add_header X-A server always;', requests: ['/', '/status/404'] },
  { server: 'add_header X-A server;', location: 'add_header X-B location;', requests: ['/'] },
  { server: 'add_header X-A server; expires 1h;', location: 'if ($arg_a) { add_header X-B if; }', requests: ['/?a=1', '/'] },
  { server: 'rewrite ^/a$ /b last; rewrite ^/b$ /c; rewrite ^/c$ /d;', requests: ['/a', '/b', '/c', '/x'] },
  {
    server: 'rewrite ^/.well-known/webfinger /index.php/.well-known/webfinger last;',
    requests: ['/.well-known/webfinger?resource=a'],
  },
  { server: 'rewrite ^/a /b break; return 403;', requests: ['/a', '/c'] },
  { server: 'rewrite ^/a/(.*) /b/$1 permanent;', requests: ['/a/x?y=z'] },
  { server: 'deny all;', requests: ['/'] },
  { server: 'deny all;', location: 'allow all;', requests: ['/'] },
  { server: 'default_type text/plain;', location: 'return 200 x;', requests: ['/'] },
  // locations of a server.
  {
    server: 'location = /metrics { return 404; }',
    requests: ['/metrics', '/metrics/', '/metric', '/m%65trics', '//metrics?x=1'],
  },
  { server: 'location ~ ^/(metrics|ready|health)$ { return 403; }', requests: ['/ready', '/readyx', '/Ready'] },
  { server: 'location ~* ^/old/(.*) { return 301 https://$host/new/$1$is_args$args; }', requests: ['/OLD/a%20b?c=d', '/old/'] },
  { server: 'location /api/admin/ { return 403; }', requests: ['/api/admin/x', '/api/admin', '/api/admin/'] },
  {
    server: 'location = /.well-known/carddav { return 301 $scheme://$host/remote.php/dav; }',
    requests: ['/.well-known/carddav', '/.well-known/caldav'],
  },
  { server: 'location = /x { if ($is_args = "") { return 301 /y; } return 302 /z; }', requests: ['/x', '/x?a', '/xx'] },
  { server: 'location /a { deny all; }', requests: ['/a', '/ab', '/b'] },
  { server: 'location /a { add_header X-A a always; return 410; } add_header X-S s always;', requests: ['/a', '/b'] },
  { server: 'location /a { rewrite ^/a/(.*)$ /b/$1 last; return 403; }', requests: ['/a/x', '/a'] },
  {
    server: 'location ^~ /a { return 201; } location ~ ^/a/b { return 202; } location /a/b/c { return 203; }',
    requests: ['/a/x', '/a/b', '/a/b/c'],
  },
  {
    server: 'location /a { return 201; } location ~ b { return 202; }',
    paths: ['/a/b/', '/'],
    requests: ['/a/b/', '/a/x', '/b', '/c'],
  },
  { server: 'location /x/ { return 201; }', paths: ['/x/y/', '/'], requests: ['/x/y/z', '/x/z'] },
  { server: 'rewrite ^/r$ /metrics; location = /metrics { return 404 own; }', requests: ['/r'] },
  { location: 'rewrite ^/r$ /metrics last;', server: 'location = /metrics { return 404 own; }', requests: ['/r', '/s'] },
];

/** What nginx refuses, and so do we. */
export const BROKEN: readonly string[] = [
  'return 403',
  'return;',
  'return 403 a b;',
  'return abc;',
  'return 1000;',
  'if ($a) { return 403; }',
  'if $arg_a { return 403; }',
  'if ($arg_a == 1) { return 403; }',
  'if ($arg_a = 1 { return 403; }',
  'if ($arg_a) { if ($arg_b) { return 403; } }',
  'if ($arg_a) { proxy_set_header X-A 1; }',
  'if ($arg_a) { deny all; }',
  'if ($arg_a) return 403;',
  'if ($arg_a ~ "(") { return 403; }',
  'set a 1;',
  'set $host x;',
  'set $a;',
  'rewrite ^/a;',
  'rewrite ^/a /b nonsense;',
  'rewrite ( /b;',
  'add_header X-A;',
  'add_header X-A 1 sometimes;',
  'add_header "X-A" "1"always;',
  'expires tomorrow;',
  'expires 1h; expires 2h;',
  'deny 10.0.0.0/33;',
  'deny nobody;',
  'proxy_set_header X-A;',
  'proxy_set_header X-A $nobody_knows;',
  'proxy_set_header X-A "$";',
  "set $a 'unbalanced;",
  'set $a "unbalanced;',
  'if ($arg_a) { return 403;',
  '{ return 403; }',
  '; return 403;',
  'no_such_directive on;',
  'default_type a b;',
  'break x;',
  'rewrite ^/a{2}$ /b;',
];
