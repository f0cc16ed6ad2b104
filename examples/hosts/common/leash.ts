// Loaded into each worker: it ends with the process that started it, however that one ends.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
