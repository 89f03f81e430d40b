# One image for all six processes; the command says which: `docker run bulksms rpc serve`.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY patches patches
COPY bin bin
COPY src src
RUN npx patch-package --error-on-fail \
 && npm run build \
 && npm prune --omit=dev --omit=optional --ignore-scripts
# What only developers and browsers' debuggers read: half of the packages' bytes. Licenses stay.
RUN find node_modules dist -type f ! -iname 'licen[cs]e*' \
      \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.md' \) -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
# Made here, so that a new volume on it belongs to the user that the processes run as.
RUN mkdir /data /keys && chown 1000:1000 /data /keys
USER 1000:1000
ENTRYPOINT ["node", "bin/bulksms.js"]
CMD ["--help"]
