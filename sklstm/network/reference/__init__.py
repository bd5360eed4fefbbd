"""The equations of the LSTM and of sampling in plain numpy, which tests compare with fast code."""
