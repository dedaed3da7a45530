local cf = require "watchbot.template.cf"
local mounts = require "watchbot.template.mounts"

local function of(mode, given) return mounts.of { mode = mode, mounts = given } end

describe("mounts", function()
  it("are text with commas: host and container, or scratch space", function()
    assert.are.same({
      volumes = {
        { Name = "mnt-0", Host = { SourcePath = "/root" } }, { Name = "mnt-1" },
        { Name = "mnt-2", Host = { SourcePath = "/r" } },
      },
      mountPoints = {
        { ContainerPath = "/mnt/root", SourceVolume = "mnt-0" },
        { ContainerPath = "/mnt/tmp", SourceVolume = "mnt-1" },
        { ContainerPath = "/ro", SourceVolume = "mnt-2", ReadOnly = true },
      },
      scratch = { "/mnt/tmp" },
    }, of("task", "/root:/mnt/root, /mnt/tmp,/r:/ro:ro"))
  end)

  it("are lists of text and of tables", function()
    local made = of("task", { "/a", { host = "/h", container = "/b", readOnly = true } })
    assert.are.same({ "/a" }, made.scratch)
    assert.are.same({ ContainerPath = "/b", SourceVolume = "mnt-1", ReadOnly = true },
      made.mountPoints[2])
  end)

  -- v4 to v10 emptied each mount of this shape after each job; here none was, so the next job found
  -- what the one before had left.
  it("in AWS's own shape are scratch space where they begin empty", function()
    local made = of("process", {
      volumes = { { Name = "a" }, { Name = "b", Host = {} }, { Name = "c",
        Host = { SourcePath = "/c" } }, { Name = "d" }, { Name = "e",
        DockerVolumeConfiguration = { Scope = "shared" } } },
      mountPoints = { { ContainerPath = "/a", SourceVolume = "a" },
        { ContainerPath = "/b", SourceVolume = "b" }, { ContainerPath = "/c", SourceVolume = "c" },
        { ContainerPath = "/d", SourceVolume = "d", ReadOnly = true },
        { ContainerPath = "/e", SourceVolume = "e" } },
    })
    assert.are.same({ "/a", "/b", "/tmp" }, made.scratch)
  end)

  it("call the volume of /tmp another name where a volume of the user's has its own", function()
    local made = of("process", { volumes = { { Name = "tmp", Host = { SourcePath = "/h" } } },
      mountPoints = { { ContainerPath = "/x", SourceVolume = "tmp" } } })
    assert.are.same({ ContainerPath = "/tmp", SourceVolume = "tmp-1" }, made.mountPoints[2])
    assert.are.same({ Name = "tmp-1" }, made.volumes[2])
  end)

  it("in AWS's own shape are passed on, and what is kept elsewhere is never emptied", function()
    local made = of("process", {
      volumes = { { Name = "efs", EFSVolumeConfiguration = { FilesystemId = "fs-1" } } },
      mountPoints = { { ContainerPath = "/data", SourceVolume = "efs" } },
    })
    assert.are.equal("efs", made.volumes[1].Name)
    assert.are.same({ "/tmp" }, made.scratch)
  end)

  it("have /tmp in mode process, once", function()
    assert.are.same({ "/tmp" }, of("process", false).scratch)
    assert.are.same({ "/tmp", "/data" }, of("process", "/tmp,/data").scratch)
    assert.are.same({}, of("task", false).scratch)
  end)

  -- "/tmp/" got a second volume at /tmp: "Duplicate mount point", and no task started.
  it("have the paths that Docker makes of them", function()
    local made = of("process", "/host:/data/,/scratch/./a/../b//,/tmp/")
    assert.are.same({ "/scratch/b", "/tmp" }, made.scratch)
    assert.are.equal("/data", made.mountPoints[1].ContainerPath)
    assert.are.equal(3, #made.mountPoints)
    made = of("process", { volumes = { { Name = "a" } },
      mountPoints = { { ContainerPath = "/tmp/", SourceVolume = "a" } } })
    assert.are.equal(1, #made.mountPoints)
    assert.are.equal("'/a' is mounted twice", (mounts.problem "/a,/b/../a/"))
    for path, problem in pairs { ["/a/.."] = "over '/'", ["/proc"] = "in /proc",
      ["/proc/sys/x"] = "in /proc" } do
      assert.matches(problem, (mounts.problem { { host = "/h", container = path } }))
    end
    assert.is_nil((mounts.problem "/h:/process,/h:/a/proc"))
  end)

  it("of EFS are what EFS mounts", function()
    local function problem(efs)
      return (mounts.problem { volumes = { { Name = "a", EFSVolumeConfiguration = efs } },
        mountPoints = { { ContainerPath = "/a", SourceVolume = "a" } } })
    end
    local id = "fs-0123456789abcdef0"
    assert.are.equal("volume 'a': 'EFSVolumeConfiguration' needs 'FilesystemId'", problem {})
    assert.matches("expected a file system like .*, got 'efs%-1'", problem {
      FilesystemId = "efs-1" })
    assert.matches("'IAM' needs TransitEncryption = 'ENABLED'", problem { FilesystemId = id,
      AuthorizationConfig = { IAM = "ENABLED" } })
    assert.matches("'AccessPointId' needs TransitEncryption", problem { FilesystemId = id,
      TransitEncryption = "DISABLED", AuthorizationConfig = { AccessPointId = "fsap-1" } })
    assert.matches("'AccessPointId' needs a 'RootDirectory' of '/'", problem { FilesystemId = id,
      TransitEncryption = "ENABLED", RootDirectory = "/x",
      AuthorizationConfig = { AccessPointId = "fsap-1" } })
    for _, good in ipairs {
      { FilesystemId = id }, { FilesystemId = cf.ref "Files", RootDirectory = "/x" },
      { FilesystemId = id, TransitEncryption = "ENABLED", RootDirectory = "/",
        AuthorizationConfig = { AccessPointId = "fsap-1", IAM = "ENABLED" } },
    } do
      assert.is_nil(problem(good))
    end
  end)
end)
