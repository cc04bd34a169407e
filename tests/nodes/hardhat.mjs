// Hardhat's node on a port of this machine, with a block at every interval and none in between.
import { createHardhatRuntimeEnvironment } from "hardhat/hre";

const [port, chainId, interval] = process.argv.slice(2).map(Number);
const hre = await createHardhatRuntimeEnvironment({
  networks: {
    node: { type: "edr-simulated", chainType: "l1", chainId, mining: { auto: false, interval } },
  },
});
const server = await hre.network.createServer("node", "127.0.0.1", port);
await server.listen();
console.log("listening");
await server.afterClosed();
