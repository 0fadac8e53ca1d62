module {{name}}

go 1.24

require wasmill v0.0.0

// The SDK as your wasmill has it.
replace wasmill => ./.wasmill/go
