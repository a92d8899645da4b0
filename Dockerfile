# Source runs as it is: there is nothing to build, only dependencies to install.
#
# Both stages use Node's own image in its slim variant: it has new Node releases first, and one base to keep up to date. An image
# without a shell would be smaller; nothing here needs one, and the chart's read-only file system and dropped capabilities leave
# little to do with it.
FROM node:26-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional dependencies are Node itself, which the base image has. No production dependency has an install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="A Layer 7 ingress controller for Kubernetes, a drop-in for ingress-nginx that never reloads." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
COPY build ./build
# Compiled once, here: a process that strips the types itself takes 45 MiB more. By the user that runs it, for Node has a cache of
# its own for each; and given to root then, so that nothing is written to it afterwards.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN mkdir .compile-cache && chown 65532:65532 .compile-cache && \
    setpriv --reuid=65532 --regid=65532 --clear-groups node build/compile-cache.ts && \
    chown -R 0:0 .compile-cache && chmod -R a+rX .compile-cache
# Not root, and still able to bind 80 and 443: container engines let every user do so in a container's own network namespace
# (net.ipv4.ip_unprivileged_port_start=0; the chart asks for it by name). A file capability on node would make it fail to start
# at all where capabilities are dropped, and is ignored where privilege escalation is forbidden.
USER 65532:65532
EXPOSE 80 443 10254
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "src/main.ts"]
CMD ["controller"]
