"""The engines that run trials, here or in processes of their own, and the supervisor above them."""
