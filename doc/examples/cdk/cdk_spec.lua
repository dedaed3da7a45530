-- A stack of the CDK that includes a template of watchbot; aws-cdk-lib is from npm: make test-sdk.

local cjson = require "cjson"
local process = require "watchbot.process"
local shell = require "support.shell"
local workshop = require "support.workshop"

local SDK = os.getenv "SDK" ~= "" and os.getenv "SDK" or nil
local HERE = (shell.run "pwd"):match "[^\n]+"

describe("the CDK", function()
  it("includes a template as it is", workshop.task(function(folder)
    if not SDK then return pending "make test-sdk gets the CDK from npm" end
    local exit, template =
      workshop.run(folder, { "template", HERE .. "/doc/examples/tiles/stack.lua" })
    assert.are.equal(0, exit.code)
    folder:write("tiles.json", template)
    local variables = process.environment()
    variables.NODE_PATH = HERE .. "/" .. SDK .. "/node_modules"
    local child <close> = assert(process.start {
      argv = { "node", HERE .. "/doc/examples/cdk/app.js", "tiles.json", "out" },
      cwd = folder.path, output = "capture", env = variables,
    })
    exit = assert(child:wait(workshop.PATIENCE), "the CDK did not end")
    assert.are.equal(0, exit.code, table.concat({ child:output() }, "\n"))
    local made = cjson.decode(folder:read "out/Tiles.template.json")
    for id, resource in pairs(cjson.decode(template).Resources) do
      assert.are.equal(resource.Type, made.Resources[id].Type, id)
    end
    assert.matches('"Resource":{"Ref":"WatchbotTopic"}', cjson.encode(made))
  end))
end)
