---@meta
-- What `require "watchbot"` offers, for editors; nothing requires it. The modules declare
-- their own types.

---@alias watchbot.Outcome "complete"|"reject"|"release"|"retry"|"bury" what becomes of a message
---@alias watchbot.Failure "reject"|"retry"|"bury" what is notified

---@class watchbot
---@field version string
---@field policy watchbot.PolicyModule makes a policy; also has the default hooks, for
--- overrides to call
---@field log watchbot.LogModule
---@field scheduler watchbot.Scheduler
---@field process watchbot.ProcessModule
---@field http watchbot.HttpModule
---@field sqlite watchbot.SqliteModule
---@field queue watchbot.QueueModule
---@field aws watchbot.aws signed calls of AWS services
---@field template watchbot.TemplateModule describes a service, and gets a CloudFormation template
---@field merge fun(...: table): table joins templates; refuses to overwrite
---@field cf table the intrinsic functions of CloudFormation: ref, getatt, sub, join...
---@field progress watchbot.ProgressModule counts the parts of map-reduce jobs
---@field testing watchbot.Testing drives a policy in a test
---@field run fun(policy: watchbot.Policy, options: watchbot.AppOptions?): true?, string?, string?

---@class watchbot.PolicyModule: watchbot.Hooks
---@overload fun(declared: watchbot.PolicyFields): watchbot.Policy

---@class watchbot.TemplateModule
---@overload fun(options: watchbot.TemplateOptions): table

---@class watchbot.aws
---@alias watchbot.aws.Options watchbot.aws.ClientOptions?
---@overload fun(service: string, options: watchbot.aws.Options): watchbot.aws.Client?, ...
